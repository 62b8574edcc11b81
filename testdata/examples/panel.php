<?php
// What a page of the panel shows to one of its users: php panel.php USER CARD
declare(strict_types=1);

/** A refusal, with the code that the panel acts on. */
final class Refused extends Exception
{
    public function __construct(public readonly array $problem)
    {
        parent::__construct($problem['title'], $problem['status']);
    }
}

/** Asks resellerd in the name of the user who is signed in. */
final class Resellerd
{
    /** The ETag of the last answer: the row as this user saw it. */
    public string $etag = '';

    public function __construct(private string $url, private string $token, private string $user)
    {
    }

    public function get(string $path, array $query = []): array
    {
        return $this->ask('GET', $path . ($query ? '?' . http_build_query($query) : ''));
    }

    /** May the user do this? For a button, or before the panel's own work. */
    public function may(string $action, string $type, string $id): bool
    {
        return $this->ask('POST', '/access/v1/evaluation', [
            'subject' => ['type' => 'user', 'id' => $this->user],
            'action' => ['name' => $action],
            'resource' => ['type' => $type, 'id' => $id],
        ])['decision'];
    }

    /** Changes fields of a row, if it is still the row with this ETag. */
    public function change(string $path, array $fields, string $etag): array
    {
        return $this->ask('PATCH', $path, $fields, ["If-Match: $etag"]);
    }

    private function ask(string $method, string $path, ?array $body = null, array $headers = []): array
    {
        $this->etag = '';
        $curl = curl_init($this->url . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 5,
            CURLOPT_HTTPHEADER => [
                "Authorization: Bearer {$this->token}",
                "Resellerd-User: {$this->user}",
                'Content-Type: application/json',
                ...$headers,
            ],
            CURLOPT_HEADERFUNCTION => function ($curl, string $line): int {
                if (stripos($line, 'ETag:') === 0) {
                    $this->etag = trim(substr($line, 5));
                }
                return strlen($line);
            },
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
        }
        $answer = curl_exec($curl);
        if ($answer === false) {
            throw new RuntimeException('resellerd does not answer: ' . curl_error($curl)); // show nothing then
        }
        $document = $answer === '' ? [] : json_decode($answer, true, 64, JSON_THROW_ON_ERROR); // 204 has no body
        if (curl_getinfo($curl, CURLINFO_RESPONSE_CODE) >= 400) {
            throw new Refused($document);
        }
        return $document;
    }
}

if ($argc !== 3 || !getenv('RESELLERD_URL') || !getenv('RESELLERD_TOKEN')) {
    echo "usage: RESELLERD_URL=… RESELLERD_TOKEN=… php panel.php USER CARD\n";
    exit(2);
}
[, $user, $card] = $argv;
$resellerd = new Resellerd(getenv('RESELLERD_URL'), getenv('RESELLERD_TOKEN'), $user);

echo $user, ' works in ', $resellerd->get('/v1/me')['mode'], " mode\n";

// A list holds what this user may see. Nothing in it tells how many other rows exist.
$customers = $resellerd->get('/v1/customers', ['status' => 'active', 'sort' => 'name', 'limit' => 3, 'count' => 'true']);
echo $customers['total'], " active customers, the first of them:\n";
foreach ($customers['items'] as $customer) {
    $buttons = $resellerd->may('delete', 'customer', $customer['id']) ? '[edit] [delete]' : '[edit]';
    echo "  {$customer['name']} {$buttons}\n";
}

// A write sends the ETag of the row that the user saw.
$path = '/v1/customers/' . rawurlencode($customers['items'][0]['id']);
$row = $resellerd->get($path);
try {
    $resellerd->change($path, ['notes' => 'Call in the morning.'], $resellerd->etag);
    echo "the note on {$row['name']} is saved\n";
} catch (Refused $refused) {
    // 412: somebody changed the row in between. Show it again, and ask the user.
    echo $refused->getCode() === 412 ? "{$row['name']} has changed\n" : "refused: {$refused->getMessage()}\n";
}

try {
    $seen = $resellerd->get('/v1/cards/' . rawurlencode($card));
    printf("%s card \"%s\", %d rates\n", $seen['kind'], $seen['name'], $seen['revision']['rows']);
} catch (Refused $refused) {
    // 404: the card does not exist, or not for this user. The panel cannot tell them apart.
    echo $refused->getCode() === 404 ? "no such card\n" : 'refused: ' . implode(', ', $refused->problem['reasons'] ?? []) . "\n";
}
