//! Distances, quantization and the graph of near neighbors. Knows no Redis.
