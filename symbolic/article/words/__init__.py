"""What an article says: of schemes, optimisers, observables, the theorem; lays out no formula."""
