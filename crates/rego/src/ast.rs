//! The abstract syntax of Rego modules. Written by the parser, rewritten by the compiler.
