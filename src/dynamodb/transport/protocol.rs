//! How an operation is spelt on the wire: by the SDK's own serializers.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::{
    BatchGetItem, BatchGetItemError, BatchGetItemInput, BatchGetItemOutput,
};
use aws_sdk_dynamodb::operation::create_table::{
    CreateTable, CreateTableError, CreateTableInput, CreateTableOutput,
};
use aws_sdk_dynamodb::operation::describe_table::{
    DescribeTable, DescribeTableError, DescribeTableInput, DescribeTableOutput,
};
use aws_sdk_dynamodb::operation::describe_time_to_live::{
    DescribeTimeToLive, DescribeTimeToLiveError, DescribeTimeToLiveInput, DescribeTimeToLiveOutput,
};
use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemError, GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::query::{Query, QueryError, QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{Scan, ScanError, ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItems, TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_table::{
    UpdateTable, UpdateTableError, UpdateTableInput, UpdateTableOutput,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse as _, SerializeRequest as _, SharedRequestSerializer,
    SharedResponseDeserializer,
};
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};

/// An operation of DynamoDB, as the SDK knows it.
pub trait Operation: RuntimePlugin + Default {
    type Input: fmt::Debug + Send + Sync + 'static;
    type Output: fmt::Debug + Send + Sync + 'static;
    type Error: ProvideErrorMetadata + Error + Send + Sync + 'static;
    const NAME: &'static str;
    /// The header that names it.
    const TARGET: &'static str;
    /// What its answer consists of.
    const SHAPE: Shape;
}

/// What tells the answer of an operation. Source: the Amazon DynamoDB API Reference.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// It always has this member.
    With(&'static str),
    /// It is empty, or has one of these members.
    EmptyOr(&'static [&'static str]),
}

macro_rules! operations {
    ($($operation:ident: $input:ty => $output:ty, $error:ty, $shape:expr;)*) => {
        $(impl Operation for $operation {
            type Input = $input;
            type Output = $output;
            type Error = $error;
            const NAME: &'static str = stringify!($operation);
            const TARGET: &'static str = concat!("DynamoDB_20120810.", stringify!($operation));
            const SHAPE: Shape = $shape;
        })*
    };
}

operations! {
    BatchGetItem: BatchGetItemInput => BatchGetItemOutput, BatchGetItemError,
        Shape::With("Responses");
    CreateTable: CreateTableInput => CreateTableOutput, CreateTableError,
        Shape::With("TableDescription");
    DescribeTable: DescribeTableInput => DescribeTableOutput, DescribeTableError,
        Shape::With("Table");
    DescribeTimeToLive: DescribeTimeToLiveInput => DescribeTimeToLiveOutput, DescribeTimeToLiveError,
        Shape::With("TimeToLiveDescription");
    GetItem: GetItemInput => GetItemOutput, GetItemError,
        Shape::EmptyOr(&["Item", "ConsumedCapacity"]);
    Query: QueryInput => QueryOutput, QueryError,
        Shape::With("Items");
    Scan: ScanInput => ScanOutput, ScanError,
        Shape::With("Items");
    TransactWriteItems: TransactWriteItemsInput => TransactWriteItemsOutput, TransactWriteItemsError,
        Shape::EmptyOr(&["ConsumedCapacity", "ItemCollectionMetrics"]);
    UpdateTable: UpdateTableInput => UpdateTableOutput, UpdateTableError,
        Shape::With("TableDescription");
}

/// Writes the requests and reads the answers of one operation.
#[derive(Debug)]
pub struct Protocol<O> {
    serializers: FrozenLayer,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Protocol<O> {
    pub fn new() -> Self {
        let serializers =
            RuntimePlugin::config(&O::default()).expect("the SDK configures its operations");
        Self { serializers, operation: PhantomData }
    }

    /// The body of a request. Its headers are the same for all.
    pub fn compose(&self, input: O::Input) -> Result<String, BoxError> {
        let serializer = self.serializers.load::<SharedRequestSerializer>();
        let request = serializer
            .expect("the SDK configures a serializer")
            .serialize_input(Input::erase(input), &mut ConfigBag::base())?;
        let body = request.body().bytes().ok_or("the request has a body in memory")?;
        Ok(str::from_utf8(body)?.to_owned())
    }

    /// What an answer says, whose body has been read in full.
    #[expect(clippy::result_large_err, reason = "the SDK's own error")]
    pub fn read(&self, response: HttpResponse) -> Result<O::Output, SdkError<O::Error>> {
        let deserializer = self.serializers.load::<SharedResponseDeserializer>();
        let outcome = deserializer
            .expect("the SDK configures a deserializer")
            .deserialize_nonstreaming_with_config(&response, &ConfigBag::base());
        let error = match outcome {
            Ok(output) => return Ok(output.downcast().expect("the operation's own output")),
            Err(error) => error,
        };
        let mut answered = None;
        let unreadable = error.map_operation_error(|error| {
            answered = Some(error);
            fmt::Error
        });
        Err(match answered {
            Some(error) => SdkError::service_error(
                error.downcast().expect("the operation's own error"),
                response,
            ),
            None => SdkError::response_error(unreadable, response),
        })
    }
}

#[cfg(test)]
mod tests;
