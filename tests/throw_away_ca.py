"""A certificate authority made for one run: https on loopback without trusting anybody else."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True)
class ThrowAwayCa:
    """Files of an authority and of a certificate it signed for loopback."""

    authority: Path
    certificate: Path
    key: Path

    def server_context(self, *protocols: str) -> ssl.SSLContext:
        """Return what a server on loopback listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(list(protocols or ("http/1.1",)))
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return what trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.authority))


def make_ca(directory: Path) -> ThrowAwayCa:
    """Make an authority and a certificate for loopback; FileNotFoundError without openssl."""
    authority, authority_key = directory / "ca.pem", directory / "ca.key"
    certificate, key, request = (directory / name for name in ("tls.pem", "tls.key", "tls.csr"))
    names = directory / "names.cnf"
    names.write_text(_NAMES + "\n")
    _openssl(
        *("req", "-x509", *_CURVE, "-days", "2", "-subj", "/CN=throw-away CA"),
        *("-keyout", str(authority_key), "-out", str(authority)),
    )
    _openssl(
        *("req", *_CURVE, "-subj", "/CN=localhost"),
        *("-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-days", "2", "-extfile", str(names)),
        *("-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial"),
        *("-out", str(certificate)),
    )
    return ThrowAwayCa(authority, certificate, key)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
