"""What crawlers of lakes share: listings, grouping of files into datasets, records of them."""
