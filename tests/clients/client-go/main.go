// Lists the namespaces of a cluster as any program of client-go does, several times at once.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	overrides := &clientcmd.ConfigOverrides{}
	if len(os.Args) > 1 {
		overrides.CurrentContext = os.Args[1]
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	check(err)
	client, err := kubernetes.NewForConfig(config)
	check(err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
			check(err)
		})
	}
	all.Wait()
	list, err := client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	check(err)
	for _, namespace := range list.Items {
		fmt.Println(namespace.Name)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
