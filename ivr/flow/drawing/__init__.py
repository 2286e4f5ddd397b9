"""A flow as a picture: `draw.draw`, then `picture.dot` for Graphviz and `svg.svg` for the eye. Pure."""
