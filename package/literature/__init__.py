"""What can be asked, in the words of papers and of other libraries; knows no formula and no number.

Papers with the questions that they ask, the names that commands take, results, errata and the words of
the glossary: entries, which a search ranks. All is data that is read when somebody asks.
"""
