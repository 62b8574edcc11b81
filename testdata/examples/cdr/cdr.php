<?php
// A page of call records for one user: php cdr.php DATABASE USER
declare(strict_types=1);

// filter asks resellerd once for the page.
function filter(string $user): array
{
    $request = json_encode([
        'user' => $user, 'area' => 'cdr', 'dialect' => 'sqlite', 'placeholders' => 'question',
        'columns' => ['id' => ['column' => 'cdr.id', 'type' => 'integer'], 'account_id' => 'cdr.account', 'called' => 'cdr.called', 'price' => 'cdr.price'],
    ]);
    $context = stream_context_create(['http' => [
        'method' => 'POST', 'content' => $request, 'timeout' => 2, // a failure throws below: no filter, no rows
        'header' => ['Content-Type: application/json', 'Authorization: Bearer ' . getenv('RESELLERD_TOKEN')],
    ]]);
    $answer = file_get_contents(getenv('RESELLERD_URL') . '/v1/filters', false, $context);
    if ($answer === false) {
        throw new RuntimeException('resellerd gave no filter');
    }
    return json_decode($answer, true, 64, JSON_THROW_ON_ERROR);
}

[, $file, $user] = $argv;
$db = new PDO('sqlite:' . $file, null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$filter = filter($user);
$columns = implode(', ', array_intersect(['id', 'account_id', 'called', 'price'], $filter['columns'])) ?: 'NULL';
$columns = str_replace('account_id', 'account AS account_id', $columns);

$run = function (string $sql) use ($db, $filter): PDOStatement {
    $statement = $db->prepare(str_replace('{filter}', $filter['sql'], $sql));
    $statement->execute($filter['args']);
    return $statement;
};
echo 'count: ', $run('SELECT count(*) FROM cdr WHERE {filter}')->fetchColumn(), "\n";
foreach ($run("SELECT $columns FROM cdr WHERE {filter} ORDER BY id LIMIT 2 OFFSET 1") as $row) {
    echo 'page: ', $row['called'], ' ', $row['price'], "\n";
}
$export = fopen('php://output', 'w');
foreach ($run("SELECT $columns FROM cdr WHERE {filter} ORDER BY id")->fetchAll(PDO::FETCH_ASSOC) as $row) {
    fputcsv($export, $row, ',', '"', '');
}
