//! Kinds of change, and for each the verdict for clients that were built against the older contract.

/// Side that writes the payload in which something changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Sender {
    /// The client: credentials, requests, answers to the server's questions.
    Client,
    /// The server: replies, items of streams, events.
    Server,
}

/// Outcome of a change for one pair of client and server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// Both sides understand each other as before.
    Compatible,
    /// One side sends what the other refuses, misreads or never gets.
    Breaking,
}

/// Declares the kinds: name, inverse, verdict where the client sends, verdict where the server sends, sentence.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident, $inverse:ident, $client:ident, $server:ident, $why:literal;)+) => {
        /// A kind of change between two contracts.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum ChangeKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ChangeKind {
            /// Every kind, in the order of the table in docs/contract.md.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the kind of the opposite change.
            #[must_use]
            pub const fn inverse(self) -> Self {
                match self { $(Self::$name => Self::$inverse,)+ }
            }

            /// Returns the verdict for a client of the older contract at a server of the newer one.
            #[must_use]
            pub const fn for_old_client(self, sender: Sender) -> Verdict {
                match (self, sender) {
                    $((Self::$name, Sender::Client) => Verdict::$client,
                    (Self::$name, Sender::Server) => Verdict::$server,)+
                }
            }

            /// Returns the verdict for a client of the newer contract at a server of the older one, as while a fleet is deployed: that of
            /// the opposite change for an older client.
            #[must_use]
            pub const fn for_new_client(self, sender: Sender) -> Verdict {
                self.inverse().for_old_client(sender)
            }

            /// Returns the name of the kind, such as `RequiredFieldAdded`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Returns the reason for the verdict, as part of a sentence.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $why,)+ }
            }
        }
    };
}

kinds! {
    /// A namespace is new.
    NamespaceAdded, NamespaceRemoved, Compatible, Compatible, "nobody connects to it yet";
    /// A namespace is gone.
    NamespaceRemoved, NamespaceAdded, Breaking, Breaking, "clients that connect to it are refused";
    /// A gateway became raw: messages without envelopes.
    NamespaceBecameRaw, NamespaceBecameEvents, Breaking, Breaking, "envelopes are no longer read";
    /// A raw gateway became one of events.
    NamespaceBecameEvents, NamespaceBecameRaw, Breaking, Breaking, "messages without an envelope are no longer read";
    /// A parameter of a path has another name.
    ParameterRenamed, ParameterRenamed, Compatible, Compatible, "the address is the same";
    /// A parameter takes a value more.
    ParameterValueAdded, ParameterValueRemoved, Compatible, Compatible, "values in use stay";
    /// A parameter takes a value no longer.
    ParameterValueRemoved, ParameterValueAdded, Breaking, Breaking, "clients that connect with this value are refused";
    /// A parameter that took listed values takes any.
    ParameterValuesOpened, ParameterValuesListed, Compatible, Compatible, "values in use stay";
    /// A parameter that took any value takes listed ones.
    ParameterValuesListed, ParameterValuesOpened, Breaking, Breaking, "clients that connect with another value are refused";
    /// Clients of a protocol are served too.
    ProtocolAdded, ProtocolRemoved, Compatible, Compatible, "other clients are served as before";
    /// Clients of a protocol are not served any more.
    ProtocolRemoved, ProtocolAdded, Breaking, Breaking, "clients of this protocol cannot connect";
    /// The path of the endpoint of a protocol changed.
    EndpointPathChanged, EndpointPathChanged, Breaking, Breaking, "clients connect to the older path";
    /// A guard stands before a namespace or an event.
    GuardAdded, GuardRemoved, Breaking, Breaking, "clients without the right it asks for are refused";
    /// A guard is gone.
    GuardRemoved, GuardAdded, Compatible, Compatible, "it refuses nobody any more";
    /// The security scheme of a guard changed.
    GuardSchemeChanged, GuardSchemeChanged, Breaking, Breaking, "clients present their credentials in the older way";
    /// A code of a refusal is new.
    RefusalCodeAdded, RefusalCodeRemoved, Compatible, Compatible, "codes are open: clients treat an unknown one as a refusal";
    /// A code of a refusal is gone.
    RefusalCodeRemoved, RefusalCodeAdded, Compatible, Compatible, "clients wait for no refusal";

    /// An event that clients send is new.
    RequestAdded, RequestRemoved, Compatible, Compatible, "nobody sends it yet";
    /// An event that clients send is gone.
    RequestRemoved, RequestAdded, Breaking, Breaking, "clients that send it are told that there is no such event";
    /// A handler is marked as deprecated.
    RequestDeprecated, RequestUndeprecated, Compatible, Compatible, "it is still served";
    /// A handler is no longer marked as deprecated.
    RequestUndeprecated, RequestDeprecated, Compatible, Compatible, "it is still served";
    /// A handler that read nothing reads a payload that may be left out.
    OptionalPayloadAdded, OptionalPayloadRemoved, Compatible, Compatible, "it may be left out";
    /// A payload that could be left out is read no longer.
    OptionalPayloadRemoved, OptionalPayloadAdded, Compatible, Breaking, "what is still sent is ignored";
    /// A handler that read nothing needs a payload.
    RequiredPayloadAdded, RequiredPayloadRemoved, Breaking, Compatible, "clients do not send it";
    /// A payload that was needed is read no longer.
    RequiredPayloadRemoved, RequiredPayloadAdded, Compatible, Breaking, "what is still sent is ignored";
    /// A payload lies in another way on the wire: a value, arguments, or bytes.
    PayloadStyleChanged, PayloadStyleChanged, Breaking, Breaking, "the other side reads it in the older way";
    /// A type lost its schema, so nothing can be said of it.
    SchemaRemoved, SchemaAdded, Breaking, Breaking, "without a schema nothing proves that it is the same";
    /// A type without a schema has one now.
    SchemaAdded, SchemaRemoved, Compatible, Compatible, "what lies on the wire is taken to be the same";
    /// A type without a schema has another name.
    OpaqueTypeChanged, OpaqueTypeChanged, Breaking, Breaking, "without a schema nothing proves that it is the same";
    /// A request that had an empty reply has a value.
    ReplyAdded, ReplyRemoved, Compatible, Compatible, "clients pass over what they do not read";
    /// A request that had a value as its reply has an empty one.
    ReplyRemoved, ReplyAdded, Breaking, Breaking, "clients read a value that is not there";
    /// A reply became a stream.
    ReplyBecameStream, StreamBecameReply, Breaking, Breaking, "clients wait for one reply";
    /// A stream became one reply.
    StreamBecameReply, ReplyBecameStream, Breaking, Breaking, "clients wait for items and an end";
    /// The signature of a handler tells its reply no longer.
    ReplyUntold, ReplyTold, Breaking, Breaking, "nothing proves that the reply is the same";
    /// The signature of a handler tells its reply.
    ReplyTold, ReplyUntold, Compatible, Compatible, "what lies on the wire is taken to be the same";
    /// A value may be left out, as a reply of `Option`.
    MayBeAbsent, AlwaysPresent, Compatible, Breaking, "the receiver expects a value each time";
    /// A value that could be left out is always there.
    AlwaysPresent, MayBeAbsent, Breaking, Compatible, "the sender may leave it out";
    /// A code of a failure is new.
    ErrorCodeAdded, ErrorCodeRemoved, Compatible, Compatible, "codes are open: clients treat an unknown one as a failure";
    /// A code of a failure is gone.
    ErrorCodeRemoved, ErrorCodeAdded, Compatible, Compatible, "clients wait for no failure";

    /// An event that the server sends is new.
    EventAdded, EventRemoved, Compatible, Compatible, "clients pass over events that they do not know";
    /// An event that the server sends is gone.
    EventRemoved, EventAdded, Breaking, Breaking, "clients that listen for it wait in vain";
    /// The server waits for an answer to an event.
    QuestionAdded, QuestionRemoved, Breaking, Breaking, "clients never answer";
    /// The server waits for an answer no longer.
    QuestionRemoved, QuestionAdded, Compatible, Compatible, "an answer is not asked for";

    /// A field that may be left out is new.
    OptionalFieldAdded, OptionalFieldRemoved, Compatible, Compatible, "receivers ignore fields that they do not know";
    /// A field that may be left out is gone.
    OptionalFieldRemoved, OptionalFieldAdded, Compatible, Compatible, "it was not there each time";
    /// A field that must be there is new.
    RequiredFieldAdded, RequiredFieldRemoved, Breaking, Compatible, "the sender does not know it";
    /// A field that was always there is gone.
    RequiredFieldRemoved, RequiredFieldAdded, Compatible, Breaking, "the receiver reads it";
    /// A field has another name and the same schema.
    FieldRenamed, FieldRenamed, Breaking, Breaking, "the other side knows it by the older name";
    /// An object that takes no unknown fields has a field more.
    FieldAddedToClosedObject, FieldRemovedFromClosedObject, Compatible, Breaking, "the receiver refuses fields that it does not know";
    /// An object that takes no unknown fields has a field less.
    FieldRemovedFromClosedObject, FieldAddedToClosedObject, Breaking, Compatible, "the receiver refuses fields that it does not know";
    /// A field that could be left out must be there.
    FieldBecameRequired, FieldBecameOptional, Breaking, Compatible, "the sender may leave it out";
    /// A field that had to be there may be left out.
    FieldBecameOptional, FieldBecameRequired, Compatible, Breaking, "the receiver reads it each time";
    /// An object takes no unknown fields any more.
    ObjectClosed, ObjectOpened, Breaking, Compatible, "the sender may send others";
    /// An object that took no unknown fields takes them.
    ObjectOpened, ObjectClosed, Compatible, Breaking, "the receiver refuses fields that it does not know";
    /// Another default takes the place of a field that is left out.
    DefaultChanged, DefaultChanged, Compatible, Compatible, "it means something else to leave the field out";
    /// A field is marked as deprecated.
    FieldDeprecated, FieldUndeprecated, Compatible, Compatible, "it is still there";
    /// A field is no longer marked as deprecated.
    FieldUndeprecated, FieldDeprecated, Compatible, Compatible, "it is still there";
    /// The keys of a map are of another form.
    MapKeysChanged, MapKeysChanged, Breaking, Breaking, "keys of the older form are refused or unknown";

    /// `null` is allowed.
    NullAllowed, NullForbidden, Compatible, Breaking, "the receiver expects a value";
    /// `null` is not allowed any more.
    NullForbidden, NullAllowed, Breaking, Compatible, "the sender may send null";
    /// A value of an enumeration is new.
    EnumValueAdded, EnumValueRemoved, Compatible, Breaking, "the receiver does not know it";
    /// A value of an enumeration is gone.
    EnumValueRemoved, EnumValueAdded, Breaking, Compatible, "the sender may send it";
    /// An enumeration became any value of its type.
    EnumOpened, EnumClosed, Compatible, Breaking, "the receiver knows the listed values";
    /// Any value of a type became an enumeration.
    EnumClosed, EnumOpened, Breaking, Compatible, "the sender may send others than the listed";
    /// A variant of a union is new.
    VariantAdded, VariantRemoved, Compatible, Breaking, "the receiver does not know it";
    /// A variant of a union is gone.
    VariantRemoved, VariantAdded, Breaking, Compatible, "the sender may send it";
    /// A further type is allowed.
    TypeAdded, TypeRemoved, Compatible, Breaking, "the receiver does not expect it";
    /// A type is not allowed any more.
    TypeRemoved, TypeAdded, Breaking, Compatible, "the sender may send it";
    /// An integer became a number.
    TypeWidened, TypeNarrowed, Compatible, Breaking, "the receiver expects whole numbers";
    /// A number became an integer.
    TypeNarrowed, TypeWidened, Breaking, Compatible, "the sender may send fractions";
    /// A type became another.
    TypeChanged, TypeChanged, Breaking, Breaking, "the receiver expects the older type";
    /// Any value is allowed.
    AnythingAllowed, AnythingForbidden, Compatible, Breaking, "the receiver expects the older type";
    /// Any value was allowed, now one type.
    AnythingForbidden, AnythingAllowed, Breaking, Compatible, "the sender may send others";

    /// The least number is lower.
    MinimumLowered, MinimumRaised, Compatible, Breaking, "the receiver expects none below the older bound";
    /// The least number is higher.
    MinimumRaised, MinimumLowered, Breaking, Compatible, "the sender may send less";
    /// The greatest number is higher.
    MaximumRaised, MaximumLowered, Compatible, Breaking, "the receiver expects none above the older bound";
    /// The greatest number is lower.
    MaximumLowered, MaximumRaised, Breaking, Compatible, "the sender may send more";
    /// Numbers must be multiples of one.
    MultipleRequired, MultipleFreed, Breaking, Compatible, "the sender may send others";
    /// Numbers need not be multiples of one any more.
    MultipleFreed, MultipleRequired, Compatible, Breaking, "the receiver expects multiples";
    /// The shortest text is shorter.
    MinLengthLowered, MinLengthRaised, Compatible, Breaking, "the receiver expects none that is shorter";
    /// The shortest text is longer.
    MinLengthRaised, MinLengthLowered, Breaking, Compatible, "the sender may send a shorter one";
    /// The longest text is longer.
    MaxLengthRaised, MaxLengthLowered, Compatible, Breaking, "the receiver expects none that is longer";
    /// The longest text is shorter.
    MaxLengthLowered, MaxLengthRaised, Breaking, Compatible, "the sender may send a longer one";
    /// A text must match a pattern.
    PatternAdded, PatternRemoved, Breaking, Compatible, "the sender may send others";
    /// A text need not match a pattern any more.
    PatternRemoved, PatternAdded, Compatible, Breaking, "the receiver expects texts that match";
    /// A pattern became another.
    PatternChanged, PatternChanged, Breaking, Breaking, "nothing proves that it matches the same texts";
    /// A text must have a format.
    FormatAdded, FormatRemoved, Breaking, Compatible, "the sender may send others";
    /// A text need not have a format any more.
    FormatRemoved, FormatAdded, Compatible, Breaking, "the receiver reads the format";
    /// A format became another.
    FormatChanged, FormatChanged, Breaking, Breaking, "the other side writes or reads the older format";
    /// The shortest list is shorter.
    MinItemsLowered, MinItemsRaised, Compatible, Breaking, "the receiver expects none that is shorter";
    /// The shortest list is longer.
    MinItemsRaised, MinItemsLowered, Breaking, Compatible, "the sender may send a shorter one";
    /// The longest list is longer.
    MaxItemsRaised, MaxItemsLowered, Compatible, Breaking, "the receiver expects none that is longer";
    /// The longest list is shorter.
    MaxItemsLowered, MaxItemsRaised, Breaking, Compatible, "the sender may send a longer one";
    /// Items must differ from each other.
    UniqueItemsRequired, UniqueItemsFreed, Breaking, Compatible, "the sender may repeat an item";
    /// Items may be equal.
    UniqueItemsFreed, UniqueItemsRequired, Compatible, Breaking, "the receiver expects no repetition";
    /// A tuple, or the arguments of an event, has an item more that may be left out.
    OptionalItemAdded, OptionalItemRemoved, Compatible, Compatible, "receivers pass over items that they do not know";
    /// A tuple has an item less that could be left out.
    OptionalItemRemoved, OptionalItemAdded, Breaking, Compatible, "the receiver refuses items that it does not know";
    /// A tuple has an item more that must be there.
    RequiredItemAdded, RequiredItemRemoved, Breaking, Breaking, "the number of items is fixed";
    /// A tuple has an item less that had to be there.
    RequiredItemRemoved, RequiredItemAdded, Breaking, Breaking, "the number of items is fixed";
    /// An item of a tuple that had to be there may be left out.
    ItemBecameOptional, ItemBecameRequired, Compatible, Breaking, "the receiver reads it each time";
    /// An item of a tuple that could be left out must be there.
    ItemBecameRequired, ItemBecameOptional, Breaking, Compatible, "the sender may leave it out";
    /// A list of one type became a tuple, or a tuple a list.
    TupleBecameList, TupleBecameList, Breaking, Breaking, "the items have other types";
}
