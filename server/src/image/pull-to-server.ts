import { type BlobsUnderWay, type Credential, type ImageStore, pullImage, readAllImageFacts } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import { imageProto } from '@seal/protocol';

export interface PullToServer {
  readonly store: ImageStore;
  readonly request: imageProto.PullImageRequest;
  /** What is pulled of an index where the request does not say: those of these that it has. */
  readonly archs: readonly string[];
  readonly underWay: BlobsUnderWay;
  readonly signal: AbortSignal;
  readonly onReply: (reply: imageProto.PullImageReply) => void;
}

/** What of the server's environment concerns a pull; where it has credentials is not the caller's to use. */
const ownVariables = [
  'SEAL_REGISTRIES',
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
];

/** A caller is told how far it is at most this often. */
const progressMilliseconds = 200;

/**
 * Brings an image of a registry into the server's store with the credentials of the request, and of no file; mirrors (of the server's
 * registries.yaml) are shown none. The image is scanned before it gets its name. Problems: those of pullImage and readAllImageFacts, USAGE.
 */
export async function pullToServer(pull: PullToServer): Promise<imageProto.PulledImage & { readonly reference: string }> {
  const { store, request, archs, underWay, signal, onReply } = pull;
  const { reference, name, access } = request;
  let toldAt = 0;
  const pulled = await pullImage(store, reference, {
    env: Object.fromEntries(ownVariables.map((variable) => [variable, process.env[variable]])),
    home: '/nonexistent',
    platforms: request.allPlatforms ? 'all' : request.archs.length > 0 ? request.archs : { anyOf: archs },
    credentials: credentialsOf(reference, access),
    insecure: access?.insecure === true,
    underWay,
    signal,
    admit: (digest) => readAllImageFacts(store, digest),
    onWarning: (warning) => onReply(imageProto.PullImageReply.fromPartial({ warning })),
    onProgress: (progress) => {
      const now = performance.now();
      if (now - toldAt < progressMilliseconds && progress.doneBlobs < progress.totalBlobs) return;
      toldAt = now;
      onReply(imageProto.PullImageReply.fromPartial(progress));
    },
    ...(access?.caPem ? { caPem: access.caPem } : {}),
    ...(name ? { name } : {}),
  }).catch((thrown: unknown) => {
    throw seenFromServer(thrown);
  });
  const { movedBlobs, movedBytes, from } = pulled;
  return { reference: pulled.reference, image: undefined, movedBlobs, movedBytes, from };
}

/** The registry may well be in reach of the caller. */
function seenFromServer(thrown: unknown): unknown {
  if (!(thrown instanceof Problem) || thrown.code !== 'REGISTRY_UNREACHABLE') return thrown;
  const { code, message, remedy, details } = thrown;
  return new Problem(code, `seen from the server, ${message}`, { remedy, details, cause: thrown });
}

function credentialsOf(reference: string, access: imageProto.RegistryAccess | undefined) {
  const [registry] = reference.split('/');
  const { username = '', password = '', identityToken = '' } = access ?? {};
  if (username !== '' && password === '' && identityToken === '')
    throw new Problem('USAGE', `a user name for the registry ${registry} came without a password`);
  const source = identityToken === '' ? `user ${username}, handed over by the caller` : 'the identity token of the caller';
  const credential: Credential = { username, password, source, ...(identityToken === '' ? {} : { identityToken }) };
  const isGiven = username !== '' || identityToken !== '';
  return async (asked: string) => (isGiven && asked === registry ? credential : undefined);
}
