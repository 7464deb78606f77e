export {
  type Authority,
  type AuthorityPorts,
  createAuthority,
  type Leaf,
  loadAuthority,
  type NewAuthority,
} from './authority.ts';
export {
  type BootstrapToken,
  createBootstrapToken,
  formatBootstrapToken,
  matchesVerifier,
  parseBootstrapToken,
  tokenVerifier,
} from './bootstrap-token.ts';
export { type Certificate, isTrustedLeaf, normalizeSerial, parseCertificate, renewalTime, spkiSha256 } from './certificate.ts';
export { csrBytesMax, keyDigest, makeCsr, readCsr } from './csr.ts';
export { createKeyPair, describeKeyPair, type KeyPair } from './key-pair.ts';
export { type ClientCredential, issueKubeconfigCertificate } from './kubeconfig-certificate.ts';
export { openSecretBox, type SecretBox } from './secret-box.ts';
export { syncFolder, writePrivateFile } from './write-private-file.ts';
