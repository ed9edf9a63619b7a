"""Two servers that the tests of this package share."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.server.serving import Serving


@pytest.fixture(scope="package")
def hasty() -> Iterator[Serving]:
    """A server that cuts stalled clients off after a second."""
    with Serving(stall_seconds=1) as serving:
        yield serving


@pytest.fixture(scope="package")
def patient() -> Iterator[Serving]:
    """A server that leaves clients alone for as long as a test lasts, whether they stall or flood."""
    with Serving(stall_seconds=600, frames_a_second=1_000_000) as serving:
        yield serving


@pytest.fixture(scope="package")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a key and of a certificate for localhost, signed with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "chain.pem").write_bytes(signed.public_bytes(pem))
    return str(folder / "key.pem"), str(folder / "chain.pem")
