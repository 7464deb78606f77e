// cluster-dns: the DNS server of the example cluster, in the place where kubeadm puts CoreDNS (Debian has no package of
// that). kubeadm deploys, probes and configures it as CoreDNS; it answers much less:
//   SERVICE.NAMESPACE.svc.DOMAIN            A of the cluster IP, or of every ready pod when the service is headless
//   HOSTNAME.SERVICE.NAMESPACE.svc.DOMAIN   A of that one pod of a headless service
// Every other name goes to the host's own resolvers. No SRV, PTR or pod records, no cache, no metrics.
// -conf FILE: kubeadm's Corefile, of which only the domain is read.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const answerTTLSeconds = 5

type server struct {
	suffix    string // ".svc.cluster.local."
	services  listers.ServiceLister
	endpoints listers.EndpointsLister
	upstream  []string
}

func main() {
	corefile := flag.String("conf", "/etc/coredns/Corefile", "kubeadm's Corefile")
	flag.Parse()
	domain, err := domainOf(*corefile)
	must(err)
	config, err := rest.InClusterConfig()
	must(err)
	client, err := kubernetes.NewForConfig(config)
	must(err)
	factory := informers.NewSharedInformerFactory(client, 0)
	s := &server{suffix: ".svc." + domain + ".", services: factory.Core().V1().Services().Lister(), endpoints: factory.Core().V1().Endpoints().Lister()}
	if resolvers, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
		for _, address := range resolvers.Servers {
			s.upstream = append(s.upstream, net.JoinHostPort(address, resolvers.Port))
		}
	}
	go serveHTTP(":8080", "/health")
	hasServices, hasEndpoints := factory.Core().V1().Services().Informer().HasSynced, factory.Core().V1().Endpoints().Informer().HasSynced
	factory.Start(make(chan struct{}))
	cache.WaitForCacheSync(make(chan struct{}), hasServices, hasEndpoints)
	go serveHTTP(":8181", "/ready")
	log.Printf("cluster-dns: serves *%s, everything else from %v", s.suffix, s.upstream)
	go func() { must((&dns.Server{Addr: ":53", Net: "tcp", Handler: s}).ListenAndServe()) }()
	must((&dns.Server{Addr: ":53", Net: "udp", Handler: s}).ListenAndServe())
}

// domainOf reads the cluster's domain from the line "kubernetes DOMAIN in-addr.arpa …" of a Corefile.
func domainOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^\s*kubernetes\s+(\S+)`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s has no line \"kubernetes DOMAIN …\"", path)
	}
	return strings.Trim(string(found[1]), "."), nil
}

func serveHTTP(address, path string) {
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "OK") })
	must(http.ListenAndServe(address, mux))
}

func (s *server) ServeDNS(out dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg).SetReply(query)
	if len(query.Question) != 1 {
		answer.Rcode = dns.RcodeFormatError
	} else if name := strings.ToLower(query.Question[0].Name); strings.HasSuffix(name, s.suffix) {
		s.answer(answer, query.Question[0], strings.Split(strings.TrimSuffix(name, s.suffix), "."))
	} else {
		answer = s.forward(query, answer)
	}
	if err := out.WriteMsg(answer); err != nil {
		log.Printf("cluster-dns: answer to %s: %v", out.RemoteAddr(), err)
	}
}

// answer fills in the records of the name whose labels before ".svc.DOMAIN" are given.
func (s *server) answer(answer *dns.Msg, question dns.Question, labels []string) {
	answer.Authoritative = true
	addresses, known := s.lookup(labels)
	if !known {
		answer.Rcode = dns.RcodeNameError
	}
	if question.Qtype != dns.TypeA && question.Qtype != dns.TypeANY {
		return
	}
	for _, address := range addresses {
		header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: answerTTLSeconds}
		answer.Answer = append(answer.Answer, &dns.A{Hdr: header, A: net.ParseIP(address)})
	}
}

func (s *server) lookup(labels []string) (addresses []string, known bool) {
	if len(labels) < 2 || len(labels) > 3 {
		return nil, false
	}
	name, namespace := labels[len(labels)-2], labels[len(labels)-1]
	service, err := s.services.Services(namespace).Get(name)
	if err != nil {
		return nil, false
	}
	if len(labels) == 2 && service.Spec.ClusterIP != corev1.ClusterIPNone {
		return []string{service.Spec.ClusterIP}, true
	}
	endpoints, err := s.endpoints.Endpoints(namespace).Get(name)
	if err != nil {
		return nil, len(labels) == 2
	}
	for _, subset := range endpoints.Subsets {
		for _, address := range subset.Addresses {
			if len(labels) == 2 || address.Hostname == labels[0] {
				addresses = append(addresses, address.IP)
			}
		}
	}
	return addresses, len(labels) == 2 || len(addresses) > 0
}

// forward asks the host's resolvers one after the other.
func (s *server) forward(query, failed *dns.Msg) *dns.Msg {
	client := &dns.Client{Timeout: 2 * time.Second}
	for _, upstream := range s.upstream {
		answer, _, err := client.Exchange(query, upstream)
		if err == nil {
			return answer
		}
		log.Printf("cluster-dns: %s for %s: %v", upstream, query.Question[0].Name, err)
	}
	failed.Rcode = dns.RcodeServerFailure
	return failed
}

func must(err error) {
	if err != nil {
		log.Fatalf("cluster-dns: %v", err)
	}
}
