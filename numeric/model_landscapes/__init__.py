"""Models as landscapes, whole runs of many at once in their library; knows no sampling and no formula."""
