"""Words and pixels: tables, figures, pages and the site."""
