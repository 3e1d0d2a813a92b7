//! The parameters of a namespace as an argument.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::error::Rejection;
use crate::handler::extract::parameters::{ParameterValue, Parameters};
use crate::handler::requirements::path_shape::fits;
use crate::handler::{Context, FromContext, Requirements, on};

/// The values of the namespace's parameters. A single one is read as itself, several as a tuple, a map, or a struct by name.
///
/// ```
/// # use gateway_core::prelude::*;
/// # use gateway_core::extract::Path;
/// #[gateway(namespace = "/game/{game}/player/{player}")]
/// struct Game;
///
/// #[gateway]
/// impl Game {
///     #[subscribe]
///     fn whoami(&self, Path((game, player)): Path<(String, u32)>) -> String {
///         format!("player {player} of {game}")
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Path<T>(pub T);

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<On: on::OfSocket, T: DeserializeOwned> FromContext<On> for Path<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let parameters = context.socket()?.handshake().parameters();
        T::deserialize(Parameters::new(parameters, ParameterValue))
            .map(Self)
            .map_err(|error| Rejection::new("unreadable", format!("the path cannot be read: {error}")))
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.parameters(|parameters| fits::<T>(parameters));
    }
}
