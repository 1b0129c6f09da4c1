//! The HTTP face of an authority: `jit serve`.
