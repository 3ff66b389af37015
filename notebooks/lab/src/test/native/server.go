// server.go: chapter 12's HTTP server with goroutines, for servers.py.
//
// As much as the loop by hand does, and no more: it reads a head, looks at each of its fields, and
// sends the same bytes. A goroutine for each connection, on one P. It prints its port; for each
// line that it is sent, the processor time that it has had; and it ends when its input does.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const mostHead = 8192

var (
	lineEnd = []byte("\r\n")
	headEnd = []byte("\r\n\r\n")
	hello   = []byte("hello, world\n")
)

// The time as HTTP wants it, written once in a second.
type stamp struct {
	second int64
	text   string
}

var latest atomic.Pointer[stamp]

func date() string {
	now := time.Now()
	known := latest.Load()
	if known == nil || known.second != now.Unix() {
		known = &stamp{now.Unix(), now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
		latest.Store(known)
	}
	return known.text
}

func isToken(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' || bytes.IndexByte([]byte("\"(),/:;<=>?@[\\]{}"), c) >= 0 {
			return false
		}
	}
	return len(name) > 0
}

func isText(value []byte) bool {
	for _, c := range value {
		if c == 0x7f || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// The status that a head is answered with, and whether another request may follow.
func judge(head []byte) (int, bool) {
	line, rest, _ := bytes.Cut(head, lineEnd)
	method, line, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(line, []byte(" "))
	if string(method) != "GET" || !isText(target) || string(version) != "HTTP/1.1" {
		return 400, false
	}
	hosts, keeps := 0, true
	for {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		if len(line) == 0 {
			break
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		if !found || !isToken(name) || !isText(value) {
			return 400, false
		}
		switch {
		case bytes.EqualFold(name, []byte("host")):
			hosts++
		case bytes.EqualFold(name, []byte("connection")):
			keeps = keeps && !bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("content-length")), bytes.EqualFold(name, []byte("transfer-encoding")):
			return 400, false
		}
	}
	if hosts != 1 {
		return 400, false
	}
	if string(target) != "/" {
		return 404, keeps
	}
	return 200, keeps
}

var reasons = map[int]string{200: "OK", 400: "Bad Request", 404: "Not Found"}

func appendAnswer(answer []byte, status int, keeps bool) []byte {
	body := hello
	if status != 200 {
		body = []byte(reasons[status])
	}
	answer = append(answer, "HTTP/1.1 "...)
	answer = strconv.AppendInt(answer, int64(status), 10)
	answer = append(append(answer, ' '), reasons[status]...)
	answer = append(append(answer, "\r\nDate: "...), date()...)
	answer = append(answer, "\r\nContent-Type: text/plain\r\nContent-Length: "...)
	answer = append(strconv.AppendInt(answer, int64(len(body)), 10), "\r\n"...)
	if !keeps {
		answer = append(answer, "Connection: close\r\n"...)
	}
	return append(append(answer, "\r\n"...), body...)
}

func serve(client net.Conn) {
	defer client.Close()
	buffer, answer := make([]byte, mostHead), make([]byte, 0, 512)
	begin, end := 0, 0
	for {
		at := bytes.Index(buffer[begin:end], headEnd)
		if at < 0 {
			if begin > 0 {
				end = copy(buffer, buffer[begin:end])
				begin = 0
			}
			got, err := client.Read(buffer[end:])
			if err != nil || got == 0 {
				return
			}
			end += got
			continue
		}
		status, keeps := judge(buffer[begin : begin+at+len(headEnd)])
		begin += at + len(headEnd)
		answer = appendAnswer(answer[:0], status, keeps)
		if _, err := client.Write(answer); err != nil || !keeps {
			return
		}
	}
}

func microseconds(t syscall.Timeval) int64 {
	return int64(t.Sec)*1_000_000 + int64(t.Usec)
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				panic(err)
			}
			go serve(client)
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			panic(err)
		}
		fmt.Println("used", microseconds(used.Utime), microseconds(used.Stime))
	}
}
