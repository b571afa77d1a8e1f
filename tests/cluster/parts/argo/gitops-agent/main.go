// Command gitops-agent does for the Applications of one API server what Argo CD's application controller
// does, with Argo CD's own types, rules and Lua and its own sync engine: it builds what an
// Application names from a local Git repository, compares, syncs and cascades a deletion.
//
// It answers on loopback and acts only when asked, so that a test decides when. What it leaves
// out: queues, retries, caches, hooks across restarts, the status of Applications and every source
// that is no directory of one Git repository.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "health" {
		if err := tellHealth(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	kubeconfig := flag.String("kubeconfig", "", "file that says where the API server is")
	repository := flag.String("repository", "", "local Git repository that every source is read from")
	port := flag.Int("port", 0, "port of 127.0.0.1 to answer on")
	flag.Parse()
	agent, err := newAgent(*kubeconfig, *repository)
	if err != nil {
		log.Fatal(err)
	}
	answer("GET /render", agent.render)
	answer("GET /compare", agent.compare)
	answer("POST /sync", agent.sync)
	log.Fatal(http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", *port), nil))
}

// refusal is an error of the Application itself, as Argo CD would put it into a condition.
type refusal struct{ error }

func refuse(format string, values ...any) error {
	return refusal{fmt.Errorf(format, values...)}
}

// answer serves one question about the Application that the query names, within the patience that it has.
func answer(pattern string, question func(ctx context.Context, application string) (any, error)) {
	http.HandleFunc(pattern, func(writer http.ResponseWriter, request *http.Request) {
		ctx, query := request.Context(), request.URL.Query()
		if patience, err := time.ParseDuration(query.Get("patience")); err == nil {
			limited, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			ctx = limited
		}
		result, err := question(ctx, query.Get("application"))
		if err != nil {
			log.Print(err)
			code := http.StatusInternalServerError
			if errors.As(err, &refusal{}) {
				code = http.StatusUnprocessableEntity
			}
			writer.WriteHeader(code)
			result = map[string]string{"message": err.Error()}
		}
		if err := json.NewEncoder(writer).Encode(result); err != nil {
			log.Print(err)
		}
	})
}
