/** https://ADDRESS:PORT, as kubeadm writes the URLs of etcd. */
export function etcdUrl(ip: string, port: number): string {
  return `https://${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}
