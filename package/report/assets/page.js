"use strict";
{
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const list = document.createElement("ol");
  for (const row of data.diagrams) {
    const item = document.createElement("li");
    item.textContent = `${row.text}: ${row.value.text}`;
    list.append(item);
  }
  document.getElementById("report").append(list);
}
