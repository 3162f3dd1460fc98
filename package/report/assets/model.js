"use strict";
// Numbers of a report: what sgdiagrams.report.report says of `predictor`.
var sgdiagrams = { predictor: (numbers) => (settings) => ({ series: [], recommended: "neither", refused: null }) };
