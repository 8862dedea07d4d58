// What the servers over HTTPS show, and whom the peers trust for it.

import { mkdirSync, writeFileSync } from 'node:fs';

import { generate } from 'selfsigned';

import { madeFolder } from '../peers/index.mjs';

export const authority = `${madeFolder}/authority.pem`;
export const certificate = `${madeFolder}/certificate.pem`;
export const key = `${madeFolder}/key.pem`;

/** An authority and a certificate by it: not everybody takes one that vouches for itself. */
export async function makeCertificates() {
  const root = await generate([{ name: 'commonName', value: 'Benchmarks' }], {
    extensions: [{ name: 'basicConstraints', cA: true }],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    ca: { key: root.private, cert: root.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  mkdirSync(madeFolder, { recursive: true });
  writeFileSync(authority, root.cert);
  writeFileSync(certificate, leaf.cert);
  writeFileSync(key, leaf.private, { mode: 0o600 });
}
