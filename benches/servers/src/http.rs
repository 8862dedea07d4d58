//! HTTP/1.1 with keep-alive on one thread, with TLS or without.

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A request as far as the servers look at it.
#[derive(Debug)]
pub struct Call {
    pub path: String,
    /// What comes after the point in `X-Amz-Target`: `GetItem`, …
    pub operation: String,
    pub body: Bytes,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
}

impl Answer {
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: body.into() }
    }

    /// An error as DynamoDB spells it.
    pub fn error(code: &str, message: &str) -> Self {
        let body = serde_json::json!({
            "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
            "message": message,
        });
        Self { status: 400, body: body.to_string().into() }
    }
}

/// Serves until the process that started this one is gone, on a port that is printed first.
pub fn serve<R, F>(tls: Option<TlsAcceptor>, respond: R)
where
    R: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    end_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        println!("{}", listener.local_addr().expect("the port is bound").port());
        accept(listener, tls, respond).await;
    });
}

async fn accept<R, F>(listener: TcpListener, tls: Option<TlsAcceptor>, respond: R)
where
    R: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.expect("connections are accepted");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        let respond = respond.clone();
        let tls = tls.clone();
        spawn_local(async move {
            match tls {
                None => converse(stream, respond).await,
                // A handshake that fails is the peer's business, which reports it.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, respond).await;
                    }
                }
            }
        });
    }
}

async fn converse<T, R, F>(stream: T, respond: R)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    R: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    let service = service_fn(move |request| {
        let respond = respond.clone();
        async move {
            Ok::<_, Infallible>(match read(request).await {
                Some(call) => response(respond(call).await),
                None => response(Answer::error("SerializationException", "unreadable request")),
            })
        }
    });
    // A connection that a peer cuts is none of the server's business.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn read(request: Request<Incoming>) -> Option<Call> {
    let path = request.uri().path().to_owned();
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.split('.').nth(1)).unwrap_or("").to_owned();
    let body = request.into_body().collect().await.ok()?.to_bytes();
    Some(Call { path, operation, body })
}

fn response(Answer { status, body }: Answer) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amzn-requestid", "BENCHMARKBENCHMARKBENCHMARKBENCHMARKBENCHMARKBENCHMAR")
        .header("x-amz-crc32", crc32fast::hash(&body))
        .body(Full::new(body))
        .expect("status and headers are valid")
}

/// A server for TLS with the certificate and the key of two PEM files.
pub fn tls(certificate: &Path, key: &Path) -> TlsAcceptor {
    let open = |path: &Path| BufReader::new(File::open(path).expect("the PEM file opens"));
    let certificates: Vec<_> = CertificateDer::pem_reader_iter(open(certificate))
        .collect::<Result<_, _>>()
        .expect("the certificate is PEM");
    let key = PrivateKeyDer::from_pem_reader(open(key)).expect("the key is PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .expect("the key belongs to the certificate");
    TlsAcceptor::from(Arc::new(config))
}

/// Standard input closes when the benchmark ends, however it ends.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
