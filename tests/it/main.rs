//! The project's tests: one binary, one module a subject.
