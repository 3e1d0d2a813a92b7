//! Types that name a room.

/// A room's name: any text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a room: a name is a text",
    label = "not a text",
    note = "write it as one: `\"general\"`, `format!(\"room-{{id}}\")`, or `id.to_string()` for a number"
)]
pub trait RoomName: AsRef<str> {}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str>> RoomName for T {}
