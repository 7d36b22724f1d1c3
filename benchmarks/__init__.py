"""Speed, side by side with named peers; each is run by hand on an idle machine."""
