//! The vector set: element names, attributes, filter language, encoding. Knows no Redis.
