"""One volume laid over another by grey values: affine, then demons, refined round a segment; on any device."""
