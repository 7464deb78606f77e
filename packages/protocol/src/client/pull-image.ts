import { type Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Problem } from '@seal/foundation';
import { ImageServiceService, type PulledImage, type PullImageReply, type PullImageRequest } from '../gen/seal/v1/image.ts';
import { problemFromStatus } from './problem-from-status.ts';
import type { UploadProgress } from './upload-blobs.ts';

export interface PullImageOptions {
  readonly onProgress?: (progress: UploadProgress) => void;
  readonly onWarning?: (message: string) => void;
  /** Stops the pull on the server, too. */
  readonly signal?: AbortSignal;
}

/** Lets the server pull an image, and waits for it. Problems: those of the server, SERVER_UNREACHABLE, CANCELLED. */
export async function pullImage(
  client: Client,
  target: string,
  request: PullImageRequest,
  { onProgress, onWarning, signal }: PullImageOptions = {},
): Promise<PulledImage> {
  const { path, requestSerialize, responseDeserialize } = ImageServiceService.pullImage;
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), {});
  // The iterator reports errors; one that comes after the iterator was left must not end the process.
  stream.on('error', () => undefined);
  const cancel = () => stream.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const reply of stream as AsyncIterable<PullImageReply>) {
      if (reply.pulled) return reply.pulled;
      if (reply.warning !== '') onWarning?.(reply.warning);
      else onProgress?.(reply);
    }
    const details = 'the server ended the stream before the image was there';
    throw problemFromStatus({ code: status.UNAVAILABLE, details, metadata: new Metadata() }, target);
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    if (signal?.aborted)
      throw new Problem('CANCELLED', 'the transfer was stopped', {
        remedy: 'Give the command again: what was moved already is not moved again.',
      });
    throw problemFromStatus(thrown as ServiceError, target);
  } finally {
    signal?.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
