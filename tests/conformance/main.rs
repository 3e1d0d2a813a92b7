//! RFC 6455 and RFC 7692, case by case: the cases of the Autobahn test suite's sections 1 to 7, 9, 10, 12 and 13 by their numbers, as tables. What
//! stands in a table is what must come over the wire, code and order included; nothing is "non-strict" or "informational".

mod case;
mod close;
mod control;
mod deflate;
mod fragments;
mod framing;
mod large;
mod utf8;
