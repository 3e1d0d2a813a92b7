struct One<S>(S);
gateway_core::register!(One<u8>);
fn main() {}
