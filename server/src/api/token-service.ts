import type { tokenProto } from '@seal/protocol';
import type { StoredToken } from '../identity/identity-store.ts';
import type { operatorCertificates } from '../identity/operator-certificates.ts';
import type { Tokens } from '../identity/tokens.ts';
import { type ApiContext, unary } from './guarded.ts';

export interface TokenServiceOptions extends ApiContext {
  readonly tokens: Tokens;
  readonly issueOperator: ReturnType<typeof operatorCertificates>;
  /** The line to paste on a host, for a token's value. */
  readonly installCommand: (token: string) => string;
  readonly grpcAddress: string;
  readonly httpsAddress: string;
}

export function tokenService(options: TokenServiceOptions): tokenProto.TokenServiceServer {
  const { tokens, grpcAddress, httpsAddress } = options;
  return {
    createToken: unary<tokenProto.CreateTokenRequest, tokenProto.CreateTokenReply>(options, async (request, caller) => {
      const { token, value } = await tokens.create(request, caller.name);
      return { token: wireOf(token), value, installCommand: options.installCommand(value) };
    }),
    listTokens: unary<tokenProto.ListTokensRequest, tokenProto.ListTokensReply>(options, async () => ({
      tokens: (await tokens.list()).map(wireOf),
    })),
    revokeToken: unary<tokenProto.RevokeTokenRequest, tokenProto.RevokeTokenReply>(options, async (request, caller) => {
      await tokens.revoke(request.id, caller.name);
      return {};
    }),
    issueOperatorCertificate: unary<tokenProto.IssueOperatorCertificateRequest, tokenProto.IssueOperatorCertificateReply>(
      options,
      async (request, caller) => {
        const issued = await options.issueOperator(request, caller.name);
        return { ...issued, grpcAddress, httpsAddress };
      },
    ),
  };
}

function wireOf(token: StoredToken): tokenProto.Token {
  return {
    id: token.id,
    usages: [...token.usages],
    createdAtMs: token.createdAt,
    expiresAtMs: token.expiresAt,
    maxUses: token.maxUses,
    uses: token.uses,
    usedBy: [...token.usedBy],
    revoked: token.revokedAt !== undefined,
    nodeName: token.nodeName ?? '',
    cidr: token.cidr ?? '',
    labels: { ...token.labels },
  };
}
