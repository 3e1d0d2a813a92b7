use gateway_core::Server;
use gateway_core::contract::Contract;

use crate::chat::Chat;

#[test]
fn a_document_read_back_is_the_same_contract() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    println!("{}", contract.to_json());
    println!("{}", contract.to_yaml());
    let read = Contract::from_json(&contract.to_json()).unwrap();
    assert_eq!(read, contract.without_places());
}
