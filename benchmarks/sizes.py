"""How long formulas are: terms of the test loss, and kilobytes of its JSON and LaTeX.

python benchmarks/sizes.py
"""

from sgdiagrams import expand

ORDERS = {"one-pass": (4, 5, 6), "epochs": (3, 4, 5)}


def main() -> None:
    """Print a line for every scheme and order."""
    print("sampling  order  terms  JSON, kB  LaTeX, kB")
    for sampling, orders in ORDERS.items():
        for order in orders:
            formula = expand("test-loss", order=order, sampling=sampling)
            sizes = [len(text) / 1000 for text in (formula.to_json(), formula.latex())]
            print(
                f"{sampling:8}  {order:5}  {len(formula.terms):5}  {sizes[0]:8.3f}  {sizes[1]:9.3f}"
            )


if __name__ == "__main__":
    main()
