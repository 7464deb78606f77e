// demo-web: a web page for the demonstration. It answers every request with the name of the pod it runs in.
// Port: $PORT, 8080 unless set.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	name, err := os.Hostname()
	if err != nil {
		log.Fatalf("demo-web: no host name: %v", err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	answer := func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, name) }
	server := &http.Server{Addr: ":" + port, Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 5 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stop.Done()
		ending, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		_ = server.Shutdown(ending)
	}()
	log.Printf("demo-web: %s serves on port %s", name, port)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatalf("demo-web: port %s: %v", port, err)
	}
}
