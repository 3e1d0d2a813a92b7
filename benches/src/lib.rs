//! What a message costs. The benchmarks are under `benches/`.
