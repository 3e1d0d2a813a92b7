//! Answers to the server's questions.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Exception;
use crate::wire::{Data, answer_frame, write};

type AnswerFuture = Pin<Box<dyn Future<Output = Result<String, Exception>> + Send>>;
type Answer = Arc<dyn Fn(Data) -> AnswerFuture + Send + Sync>;

/// Functions that answer, by the event of the question.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<String, Answer>>);

impl Answers {
    /// Sets the function for an event. It takes the place of an earlier one.
    pub(crate) fn set<T, A, F>(&self, event: &str, answer: impl Fn(T) -> F + Send + Sync + 'static)
    where
        T: DeserializeOwned,
        A: Serialize,
        F: Future<Output = Result<A, Exception>> + Send + 'static,
    {
        let answer: Answer = Arc::new(move |data: Data| -> AnswerFuture {
            let answer = match data.read() {
                Ok(question) => answer(question),
                Err(error) => {
                    let failure = Exception::new("malformed", error.to_string());
                    return Box::pin(std::future::ready(Err(failure)));
                }
            };
            Box::pin(async move {
                let answer = answer.await?;
                write(&answer).map_err(|error| Exception::new("unserializable", error.to_string()))
            })
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event.to_owned(), answer);
    }

    /// Forgets all functions, which may hold handles of the client.
    pub(crate) fn clear(&self) {
        let forgotten = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(forgotten);
    }

    /// Returns the future of the frame that answers question `ask`.
    pub(crate) fn answer(&self, ask: u64, event: &str, data: Data) -> impl Future<Output = String> + Send + 'static {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(event).cloned();
        let missing = || Exception::new("unanswerable", format!("nothing here answers \"{event}\""));
        let answer = found.ok_or_else(missing);
        async move {
            let answer = match answer {
                Ok(answer) => answer(data).await,
                Err(missing) => Err(missing),
            };
            match answer {
                Ok(data) => answer_frame(ask, Ok(&data)),
                Err(error) => refuse(ask, &error),
            }
        }
    }
}

/// Returns the frame that refuses question `ask`.
pub(crate) fn refuse(ask: u64, error: &Exception) -> String {
    answer_frame(ask, Err(&error.payload().to_string()))
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").finish_non_exhaustive()
    }
}
