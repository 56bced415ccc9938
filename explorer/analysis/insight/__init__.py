"""What papers on Beta-VAEs have shown, as numbers of any model: one section of the page Insight a file."""
