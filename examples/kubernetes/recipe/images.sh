# Sourced by make-components.sh. Turns binaries and Debian packages into container images with the names Kubernetes asks for.
# The archives are the same byte for byte whenever their content is: names sorted, owners 0, times fixed.

etcd_tag=3.4.13-0 pause_tag=3.2 dns_tag=1.7.0   # the tags in "kubeadm config images list" of this version

# reproducible_tar OUT DIR: everything below DIR.
reproducible_tar() {
  tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$source_epoch" -C "$2" -cf "$1" .
}

# write_image OUT TREE NAME CONFIG: a docker archive of one layer, TREE, which answers to NAME. CONFIG: JSON for its "config".
write_image() {
  local out=$1 tree=$2 name=$3 config=$4 dir layer id
  dir=$(mktemp -d "$work/image.XXXX")
  reproducible_tar "$dir/layer.tar" "$tree"
  layer=$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","created":"%s","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"%s","created_by":"seal examples/kubernetes"}]}' \
    "$architecture" "$source_date" "$config" "$layer" "$source_date" >"$dir/config.json"
  id=$(sha256sum "$dir/config.json" | cut -d' ' -f1)
  mv "$dir/config.json" "$dir/$id.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$id" "$name" >"$dir/manifest.json"
  tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$source_epoch" -C "$dir" -cf "$out" "$id.json" layer.tar manifest.json
  rm -rf "$dir"
}

# image_tree: an empty root file system with the folders a program expects.
image_tree() {
  local tree
  tree=$(mktemp -d "$work/tree.XXXX")
  chmod 755 "$tree"
  mkdir -p "$tree"/{etc,proc,sys,dev,run,var/lib,usr/local/bin,usr/bin,usr/sbin} && mkdir -m 1777 "$tree/tmp"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
  printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
  echo "$tree"
}

path_config='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'

# static_image OUT BINARY NAME CONFIG: one static program in /usr/local/bin.
static_image() {
  local tree
  tree=$(image_tree)
  install -m 755 "$2" "$tree/usr/local/bin/"
  write_image "$1" "$tree" "$3" "$4" && rm -rf "$tree"
}

# packages_image_tree PACKAGE…: the files of Debian packages without their documentation.
packages_image_tree() {
  local tree
  tree=$(image_tree)
  unpack_packages "$tree" "$@" >&2 || return 1
  rm -rf "$tree"/usr/share/{doc,man,lintian,bash-completion,locale,bug,doc-base} "$tree"/etc/{init.d,default,systemd} "$tree/lib/systemd" "$tree/usr/lib/systemd"
  echo "$tree"
}

# needs_nothing_more TREE FILE…: every shared library the files name is in TREE.
needs_nothing_more() {
  local tree=$1 file
  shift
  for file in "$@"; do
    chroot "$tree" /lib64/ld-linux-x86-64.so.2 --list "$file" || { echo "a shared library of $file is missing in the image"; return 1; }
  done
}

etcd_image() {
  local tree
  tree=$(packages_image_tree libc6 etcd-server) || return 1
  rm -rf "$tree/usr/lib/x86_64-linux-gnu"/{gconv,audit}
  needs_nothing_more "$tree" /usr/bin/etcd || return 1
  write_image "$1" "$tree" "k8s.gcr.io/etcd:$etcd_tag" "{$path_config,\"Cmd\":[\"etcd\"]}" && rm -rf "$tree"
}

# kube-proxy calls iptables, ipset and conntrack from inside its container; iptables loads its extensions as *.so.
kube_proxy_image() {
  local tree tool
  tree=$(packages_image_tree libc6 libgcc-s1 iptables libxtables12 libip4tc2 libip6tc2 libmnl0 libnftnl11 libnetfilter-conntrack3 libnfnetlink0 \
    conntrack ipset libipset13 nftables libnftables1 libgmp10 libjansson4 libedit2 libbsd0 libmd0 libtinfo6 netbase) || return 1
  rm -rf "$tree/usr/lib/x86_64-linux-gnu"/{gconv,audit} "$tree/lib/x86_64-linux-gnu"/{gconv,audit}
  for tool in {iptables,ip6tables}{,-save,-restore}; do ln -sf xtables-nft-multi "$tree/usr/sbin/$tool"; done
  install -m 755 "$1/kube-proxy" "$tree/usr/local/bin/"
  needs_nothing_more "$tree" /usr/sbin/{xtables-nft-multi,nft,conntrack} "$(cd "$tree" && find usr/sbin sbin -name ipset -printf '/%p\n' | head -n1)" \
    $(cd "$tree" && find usr/lib -path '*/xtables/*.so' -printf '/%p\n' | sort) || return 1
  write_image "$2" "$tree" "k8s.gcr.io/kube-proxy:v$version" "{$path_config,\"Cmd\":[\"kube-proxy\"]}" && rm -rf "$tree"
}

# make_images BINARIES TOOLS OUT: every container image of the cluster, one archive each.
make_images() {
  local binaries=$1 tools=$2 out=$3 name
  mkdir -p "$out"
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    static_image "$out/$name.tar" "$binaries/$name" "k8s.gcr.io/$name:v$version" "{$path_config,\"Cmd\":[\"$name\"]}" || return 1
  done
  kube_proxy_image "$binaries" "$out/kube-proxy.tar" || return 1
  etcd_image "$out/etcd.tar" || return 1
  static_image "$out/pause.tar" "$tools/pause" "k8s.gcr.io/pause:$pause_tag" "{$path_config,\"Entrypoint\":[\"/usr/local/bin/pause\"]}" || return 1
  # kubeadm appends "/coredns" to the repository of the DNS addon and gives the program CoreDNS' arguments.
  static_image "$out/cluster-dns.tar" "$tools/cluster-dns" "seal.local/cluster-dns/coredns:$dns_tag" "{$path_config,\"Entrypoint\":[\"/usr/local/bin/cluster-dns\"]}" || return 1
  static_image "$out/demo-web.tar" "$tools/demo-web" 'seal.local/demo-web:1' "{$path_config,\"Entrypoint\":[\"/usr/local/bin/demo-web\"],\"ExposedPorts\":{\"8080/tcp\":{}}}"
}
