"""Numbers of diagrams, from outside the code.

Rooted trees and Bell numbers are OEIS A000081 and A000110. The numbers of diagrams continue the tables
of S. Tenka, "A Perturbative Analysis of Stochastic Descent" (2020); they have been found by two
programs that share no code, and orders up to 4 are counted again by brute force in
`tests/diagrams/test_enumeration.py`.
"""

#: OEIS A000081 from one node on.
ROOTED_TREES = (1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766)
#: OEIS A000110 from the empty set on.
BELL = (1, 1, 2, 5, 15, 52, 203, 877, 4140, 21147, 115975)

#: Diagrams with isolated root by order, from 0 on.
ISOLATED = (1, 1, 4, 17, 101, 700, 5861, 55818, 598201)
#: Those that one pass with batches of one can realise (acyclic quotient).
ONE_PASS = (1, 1, 3, 9, 36, 158, 838, 4965)
#: Those without an ancestor and a descendant in one block: more from order 4 on, wrongly.
NO_COMPARABLE_PAIR = (1, 1, 3, 9, 37, 166, 926)
#: Those without links; the diagram of order 0 has none.
LINKLESS = (1, 1, 3, 12, 65, 423, 3379, 30971)
#: Diagrams whose root may share a block, by order from 0 on.
IN_PARTITION = (1, 2, 9, 48, 329, 2633, 24533, 257245, 2994000)

#: Distinct contractions (unrooted trees with a partition) by order, from 1 on.
VALUES_ISOLATED = (1, 3, 12, 62, 401)
VALUES_ONE_PASS = (1, 2, 6, 20, 85)
VALUES_IN_PARTITION = (2, 4, 18, 80)

#: Diagrams with fresh noise at every visit, blocks being split into visits, with isolated root, and with
#: a root that may share a block; orders up to 3 are counted again by brute force.
FRESH = (1, 1, 6, 39, 380, 4537)
FRESH_IN_PARTITION = (1, 2, 13, 101, 1101)
