//! HTTP around gateways: a tower service, bodies, and upgrades to WebSocket.

pub(super) mod body;
mod date;
pub(super) mod fallback;
pub(super) mod lingering;
pub(super) mod manual_upgrade;
pub(super) mod normal_form;
pub(super) mod posted_body;
pub(super) mod service;
pub(super) mod upgrade;

pub use body::Body;
pub use service::GatewayService;
