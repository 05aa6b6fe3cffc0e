"""What the documentation site has beside the files of docs/: pages made of the catalogues, drawings, and pictures of a terminal."""
