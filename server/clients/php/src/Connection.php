<?php
declare(strict_types=1);

namespace Resellerd;

/** One connection to resellerd, kept open from request to request. */
final class Connection implements Transport
{
    private readonly string $base;
    private readonly \CurlHandle $curl;

    /** @var array<string, string> of the answer that arrives */
    private array $headers = [];

    /**
     * @param string $url http://127.0.0.1:8080, or unix:/run/resellerd.sock
     * @param int $timeout milliseconds for a whole request
     */
    public function __construct(string $url, #[\SensitiveParameter] private readonly string $token, int $timeout = 2000)
    {
        $socket = str_starts_with($url, 'unix:') ? substr($url, 5) : null;
        $this->base = $socket === null ? rtrim($url, '/') : 'http://localhost';
        $this->curl = curl_init();
        curl_setopt_array($this->curl, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT_MS => $timeout,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_PROXY => '', // the token goes to resellerd alone
            CURLOPT_HEADERFUNCTION => function ($curl, string $line): int {
                if (str_contains($line, ':')) {
                    [$name, $value] = explode(':', $line, 2);
                    $this->headers[strtolower($name)] = trim($value);
                }
                return strlen($line);
            },
        ] + ($socket === null ? [] : [CURLOPT_UNIX_SOCKET_PATH => $socket]));
    }

    public function send(string $method, string $path, array $headers = [], ?string $body = null): Response
    {
        $lines = [];
        $all = ['Authorization' => "Bearer {$this->token}", 'Accept' => 'application/json', 'Expect' => ''] + $headers;
        foreach ($all as $name => $value) {
            if (preg_match('/[\x00-\x1f\x7f]/', $name . $value)) {
                throw new \InvalidArgumentException("The header $name holds a control character.");
            }
            $lines[] = "$name: $value";
        }
        $this->headers = [];
        curl_setopt_array($this->curl, [CURLOPT_URL => $this->base . $path, CURLOPT_HTTPHEADER => $lines]);
        if ($body === null) {
            curl_setopt($this->curl, CURLOPT_HTTPGET, true); // drops the body of the request before
        } else {
            curl_setopt($this->curl, CURLOPT_POSTFIELDS, $body);
        }
        curl_setopt($this->curl, CURLOPT_CUSTOMREQUEST, $method);
        $answer = curl_exec($this->curl);
        if (!is_string($answer)) {
            throw new Unavailable('resellerd does not answer: ' . curl_error($this->curl));
        }
        return new Response(curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), $this->headers, $answer);
    }
}
