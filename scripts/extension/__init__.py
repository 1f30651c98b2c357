"""What a Slicer extension needs around its code: pictures, and checks as the extension index makes them."""
