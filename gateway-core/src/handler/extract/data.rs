//! The payload of an event, and of a reply.

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Rejection;
use crate::handler::validate::collected_errors::read_on;
use crate::handler::{Context, ErrorTypes, FromContext, IntoReply, Reply, on};

/// The payload of an event: as an argument it is deserialised from the client's data, as a reply it is sent.
///
/// A missing payload is read as `null`, so `Data<Option<T>>` accepts both. Several arguments are read as an array, so
/// `Data<(A, B)>` accepts two; [`Args`](crate::extract::Args) reads a list of any length.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Data<T>(pub T);

impl<T: DeserializeOwned> FromContext<on::Message> for Data<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        const LEAD: &str = "the data cannot be read";
        let list = context.list();
        list.read_value().map(Self).or_else(|error| {
            if let Some(read) = read_on(context, LEAD, |most| list.faults_of_value(most)) {
                return read.map(Self);
            }
            let fault = list.fault_of_value::<T>(&error);
            Err(Rejection::unreadable(LEAD, &fault))
        })
    }
}

/// The payload as raw JSON, copied but not deserialised. It is known to be valid JSON.
impl FromContext<on::Message> for Box<RawValue> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(context.data().unwrap_or(RawValue::NULL).to_owned())
    }
}

impl IntoReply for Box<RawValue> {
    fn into_reply(self) -> Reply {
        Reply::from_raw(self)
    }

    fn error_types(_: &mut ErrorTypes) {}
}

impl<T: Serialize> IntoReply for Data<T> {
    fn into_reply(self) -> Reply {
        Reply::value(&self.0)
    }

    fn error_types(_: &mut ErrorTypes) {}
}

impl<T> Deref for Data<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Data<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
