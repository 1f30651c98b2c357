"""From the network's answer to the label map: random walks along the volume's edges, then a light clean-up."""
