// crictl: a small client of a container runtime over CRI (gRPC on a unix socket), with the same command lines as the
// tool of that name from cri-tools, of which it is a small subset: what kubeadm 1.20 calls, and what one looks around with.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
)

const usage = `usage: crictl [-r SOCKET] COMMAND
  info              status of the runtime, as JSON; fails while the runtime does not answer
  version           name and version of the runtime
  images [-q]       images the runtime holds
  inspecti IMAGE    one image, as JSON; fails when it is not there
  pull IMAGE        fetch an image
  pods [-q]         pod sandboxes
  stopp POD…        stop pod sandboxes
  rmp POD…          remove pod sandboxes
  ps [-a] [-q]      running (-a: all) containers
  logs CONTAINER    what a container wrote to its log file
This is a small subset of cri-tools' crictl, made for kubeadm. Default SOCKET: $CONTAINER_RUNTIME_ENDPOINT or /run/containerd/containerd.sock`

// Removing a sandbox may have to wait for its containers to end; everything else answers at once.
const callTimeout = 2 * time.Minute

type client struct {
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	ctx     context.Context
}

func main() {
	socket := os.Getenv("CONTAINER_RUNTIME_ENDPOINT")
	if socket == "" {
		socket = "/run/containerd/containerd.sock"
	}
	args := os.Args[1:]
	for len(args) >= 2 && (args[0] == "-r" || args[0] == "--runtime-endpoint") {
		socket, args = args[1], args[2:]
	}
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		fmt.Println(usage)
		return
	}
	if err := run(strings.TrimPrefix(socket, "unix://"), args[0], args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "crictl: %s: %v\n", strings.Join(args, " "), err)
		os.Exit(1)
	}
}

func run(socket, command string, args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	dial, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	connection, err := grpc.DialContext(dial, socket, grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		return fmt.Errorf("nothing answers at %s: %w", socket, err)
	}
	defer connection.Close()
	c := client{cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection), ctx}
	flags, names := split(args)
	switch command {
	case "info":
		return c.info()
	case "version":
		return c.version()
	case "images":
		return c.listImages(flags["-q"])
	case "pods":
		return c.listPods(flags["-q"])
	case "ps":
		return c.listContainers(flags["-a"], flags["-q"])
	}
	if len(names) == 0 {
		return fmt.Errorf("unknown command, or its argument is missing (see crictl --help)")
	}
	for _, name := range names {
		if err := c.one(command, name); err != nil {
			return err
		}
	}
	return nil
}

func split(args []string) (map[string]bool, []string) {
	flags, names := map[string]bool{}, []string{}
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			flags[arg] = true
		} else {
			names = append(names, arg)
		}
	}
	return flags, names
}

// one runs a command that takes names, for one of them.
func (c client) one(command, name string) error {
	switch command {
	case "inspecti":
		answer, err := c.images.ImageStatus(c.ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}, Verbose: true})
		if err != nil {
			return err
		}
		if answer.Image == nil {
			return fmt.Errorf("no such image")
		}
		return printJSON(map[string]interface{}{"status": answer.Image, "info": answer.Info})
	case "pull":
		answer, err := c.images.PullImage(c.ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
		if err == nil {
			fmt.Println("Image is up to date for", answer.ImageRef)
		}
		return err
	case "stopp":
		_, err := c.runtime.StopPodSandbox(c.ctx, &cri.StopPodSandboxRequest{PodSandboxId: name})
		return err
	case "rmp":
		_, err := c.runtime.RemovePodSandbox(c.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: name})
		return err
	case "logs":
		return c.logs(name)
	}
	return fmt.Errorf("unknown command (see crictl --help)")
}

func (c client) info() error {
	answer, err := c.runtime.Status(c.ctx, &cri.StatusRequest{})
	if err != nil {
		return err
	}
	return printJSON(answer)
}

func (c client) version() error {
	answer, err := c.runtime.Version(c.ctx, &cri.VersionRequest{})
	if err != nil {
		return err
	}
	fmt.Printf("RuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n", answer.RuntimeName, answer.RuntimeVersion, answer.RuntimeApiVersion)
	return nil
}

func (c client) listImages(quiet bool) error {
	answer, err := c.images.ListImages(c.ctx, &cri.ListImagesRequest{})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, image := range answer.Images {
		tags := strings.Join(image.RepoTags, ",")
		rows = append(rows, []string{image.Id, tags, fmt.Sprint(image.Size_)})
	}
	return printRows(quiet, []string{"IMAGE ID", "TAGS", "BYTES"}, rows)
}

func (c client) listPods(quiet bool) error {
	answer, err := c.runtime.ListPodSandbox(c.ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, pod := range answer.Items {
		state := strings.TrimPrefix(pod.State.String(), "SANDBOX_")
		rows = append(rows, []string{pod.Id, age(pod.CreatedAt), state, pod.Metadata.Name, pod.Metadata.Namespace})
	}
	return printRows(quiet, []string{"POD ID", "AGE", "STATE", "NAME", "NAMESPACE"}, rows)
}

func (c client) listContainers(all, quiet bool) error {
	filter := &cri.ContainerFilter{}
	if !all {
		filter.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	}
	answer, err := c.runtime.ListContainers(c.ctx, &cri.ListContainersRequest{Filter: filter})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, container := range answer.Containers {
		state := strings.TrimPrefix(container.State.String(), "CONTAINER_")
		rows = append(rows, []string{container.Id, age(container.CreatedAt), state, container.Metadata.Name, fmt.Sprint(container.Metadata.Attempt), container.PodSandboxId})
	}
	return printRows(quiet, []string{"CONTAINER ID", "AGE", "STATE", "NAME", "ATTEMPT", "POD ID"}, rows)
}

// logs prints the log file the runtime wrote for a container named by its id or an unambiguous start of it.
func (c client) logs(prefix string) error {
	list, err := c.runtime.ListContainers(c.ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{Id: prefix}})
	if err != nil {
		return err
	}
	if len(list.Containers) != 1 {
		return fmt.Errorf("%d containers match", len(list.Containers))
	}
	answer, err := c.runtime.ContainerStatus(c.ctx, &cri.ContainerStatusRequest{ContainerId: list.Containers[0].Id})
	if err != nil {
		return err
	}
	cat := exec.Command("cat", answer.Status.LogPath)
	cat.Stdout, cat.Stderr = os.Stdout, os.Stderr
	return cat.Run()
}

func age(nanoseconds int64) string {
	return time.Since(time.Unix(0, nanoseconds)).Round(time.Second).String()
}

func printJSON(value interface{}) error {
	text, err := json.MarshalIndent(value, "", "  ")
	fmt.Println(string(text))
	return err
}

// printRows prints a table, or only its first column when quiet.
func printRows(quiet bool, head []string, rows [][]string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	if !quiet {
		fmt.Fprintln(table, strings.Join(head, "\t"))
	}
	for _, row := range rows {
		if quiet {
			fmt.Fprintln(table, row[0])
			continue
		}
		row[0] = strings.TrimPrefix(row[0], "sha256:")
		if len(row[0]) > 13 {
			row[0] = row[0][:13]
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}
