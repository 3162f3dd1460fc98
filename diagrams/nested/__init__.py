"""Blocks split into visits, in all ways; knows not how trees and their partitions are listed."""
