"""The texts a quantized graph is calibrated on, and the other texts it is then judged by; written for the purpose.

Both sets cover what people embed: questions, prose, many languages and scripts, code, markup, numbers, noise, a
word alone and pages. No text is in both, so that the verdict is on texts the calibration has not seen.
"""

# ruff: noqa: RUF001 - letters of many alphabets belong here
from __future__ import annotations

_CALIBRATION = """\
How can I change the email address of my account?
What time does the museum open on Sundays?
best way to remove coffee stains from a wooden table
The committee will meet again next Thursday to decide on the budget.
She closed the book, looked out of the window and smiled.
A man is playing a guitar on the street while children dance around him.
The mitochondrion produces most of the chemical energy that a cell needs.
Interest rates were left unchanged, as most analysts had expected.
Two small dogs run across a field of snow.
My order arrived broken and nobody answers the phone.
This is by far the best pasta I have ever eaten, thank you!
I would not recommend this hotel to anyone: dirty rooms, rude staff, no hot water.
Patients who received the drug reported fewer headaches than those on placebo.
The defendant shall pay the costs of the proceedings within thirty days.
In 1969, two astronauts walked on the Moon for the first time.
cheap flights from Lisbon to Oslo in March
symptoms of iron deficiency
who wrote the first novel in Spanish
Gradient descent updates each parameter against the direction of its gradient.
The bridge, which was built in 1883, connects the two halves of the city.
Please find attached the minutes of yesterday's meeting.
Turn left at the traffic lights, then take the second road on the right.
Water boils at a lower temperature high up in the mountains.
No, thank you.
yes
Photosynthesis
ocean
Paris
q
z
7
!
...
-
the
of
Mr. Smith
why?
OK
42
Wow!
Stop!
Thank you!
sorry
bye
Great job!
good morning
really?
?!
;
cat
blue
running
London
1
A.
no!
1,299.00 EUR
2031-04-17T08:15:00Z
+49 30 901820
3/4 cup of sugar, 250 g flour, 2 eggs, a pinch of salt
x = (-b + sqrt(b^2 - 4ac)) / 2a
E = mc^2
pi is about 3.1416 and e is about 2.7183
ISBN 978-0-000-00000-2
192.168.0.1:8080
C:\\Users\\guest\\Documents\\report final (2).docx
/usr/local/share/man/man1
support@company.example, sales@company.example
https://www.example.com/search?q=vector+index&page=2
#weekend #sun #beach @friend see you there!!!
LIMITED OFFER!!! BUY NOW AND SAVE 70%
lol idk tbh, ttyl
gooood mooorning
asdfghjkl qwertyuiop
zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz
0000000000000000000000000
no no no no no no no no no no no no no no no no
test test test test test test test test
antidisestablishmentarianism
Donaudampfschifffahrtsgesellschaft
The QUICK answer: It Depends On Context.
for i in range(10): print(i ** 2)
def mean(values): return sum(values) / len(values)
import numpy as np; a = np.zeros((3, 4), dtype=np.float32)
class Stack: def push(self, item): self.items.append(item)
if (x != null && x.length > 0) { return x[0]; } else { throw new Error("empty"); }
const total = items.filter(i => i.price > 10).map(i => i.price).reduce((a, b) => a + b, 0);
#include <vector> std::vector<int> v{1, 2, 3}; v.push_back(4);
fn main() { let s = String::from("hi"); println!("{}", s); }
UPDATE orders SET status = 'sent' WHERE id = 1047 AND paid IS TRUE;
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE NOT NULL);
git commit -m "fix the race in the scheduler" && git push
docker run --rm -it -p 80:80 -v $(pwd):/data image:latest
<div class="card"><h2>Title</h2><p>Some text &amp; more</p></div>
{"id": 17, "tags": ["a", "b"], "price": null, "ok": true}
| name | age | city |
- [ ] buy milk
Traceback (most recent call last): KeyError: 'user_id'
ERROR 2026-01-09 13:37:02 worker-3 connection reset by peer (attempt 4 of 5)
^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$
Return a copy of the sequence with its items in reverse order.
Raise ValueError if the argument is negative; otherwise return its square root.
Open the file for reading; the caller must close it.
Der Zug nach München hat heute zwanzig Minuten Verspätung.
Wie lange dauert die Lieferung nach Österreich?
Le chat dort sur le canapé pendant que la pluie tombe.
Où puis-je acheter des billets pour le concert ?
El gobierno anunció nuevas medidas para proteger los bosques.
¿Cuánto cuesta una habitación doble con desayuno?
Il treno parte dal binario quattro alle sette e mezza.
A reunião foi adiada para a próxima segunda-feira.
De fiets staat achter het huis.
Katten sover i solen på fönsterbrädan.
Pociąg do Krakowa odjeżdża za dziesięć minut.
Dnes večer bude v horách hustě sněžit.
Kaupungin kirjasto on avoinna myös lauantaisin.
A könyvtár holnap reggel nyolckor nyit.
Bugün hava çok güzel, parka gidelim mi?
Hôm nay trời mưa to ở Hà Nội.
Cuaca hari ini sangat panas.
Сегодня в библиотеке пройдет лекция по истории.
Де знаходиться найближча аптека?
Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.
今天下午三点我们在图书馆见面。
机器学习是人工智能的一个分支。
我想预订一张去上海的火车票,靠窗的座位。
明日の会議は午後二時に始まります。
このカメラの電池はどこで買えますか?
ありがとう
오늘 저녁에 같이 영화 볼래요?
주문한 상품이 아직 도착하지 않았습니다.
القطة نائمة على الكرسي بجانب النافذة.
كيف يمكنني تغيير كلمة المرور؟
הרכבת לחיפה יוצאת בעוד עשר דקות.
کتاب روی میز است.
आज मौसम बहुत अच्छा है और हम बाज़ार जा रहे हैं।
আমি বাংলায় গান গাই।
நான் நாளை பள்ளிக்குச் செல்கிறேன்.
วันนี้อากาศร้อนมาก
საქართველო ლამაზი ქვეყანაა
ይህ መጽሐፍ ጥሩ ነው
😀 😂 ❤️ 👍
🎉🎂 Happy birthday!! 🥳
→ ← ↑ ↓ ∑ ∫ √ ∞ ≈ ≠
“smart quotes” — and an em dash… ‘single’
naïve façade coöperate jalapeño Ångström
™ © ® § ¶ † ‡ • ¿ ¡
[MASK] [UNK] <s> </s> <pad>
[SEP]
[PAD]
[CLS] hello [SEP] world [SEP]
[CLS] [CLS]
<|endoftext|>
____ ==== ---- ****
a b c d e f g h i j k l m n o p
I II III IV V VI VII VIII IX X
Q: What is the capital of Peru? A: Lima.
query: how tall is the eiffel tower
passage: The tower is 330 metres tall, about the same height as an 81-storey building.
Represent this sentence for searching relevant passages: causes of the first world war
"""

_HELD_OUT = """\
How do I cancel my subscription before the trial ends?
I want to stop paying for the service.
Where can I see the northern lights in winter?
The aurora is best watched from dark places in the far north.
A woman is slicing vegetables in the kitchen.
Someone is cutting carrots and onions.
A plane takes off into a clear sky.
The aircraft left the runway a few minutes ago.
The central bank raised its key rate by a quarter of a point.
Shares fell after the company lowered its forecast for the year.
Stir the sauce until it thickens, then add the basil.
recipe for vegetarian lasagna
Enzymes lower the activation energy of a reaction.
Proteins fold into shapes that decide what they do.
The tenant must give notice three months before leaving.
terms for ending a rental contract
The battery lasts two days, but the screen scratches easily.
Great phone, weak glass.
He scored twice in the final and was named player of the match.
the striker won them the cup
Merge two sorted lists into one sorted list.
def merge(a, b): return sorted(a + b)
SELECT COUNT(*) FROM visits GROUP BY country HAVING COUNT(*) > 100;
How many visits did each country have?
std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });
sort a vector in descending order
TypeError: unsupported operand type(s) for +: 'int' and 'str'
why can I not add a number and a string in Python
{"error": {"code": 404, "message": "not found"}}
curl -X POST -H "Content-Type: application/json" -d @body.json localhost:9000/v1/items
Return True if all elements of the iterable are true.
Create a temporary directory and remove it when the block ends.
Wo finde ich die nächste Apotheke?
Die Apotheke neben dem Bahnhof ist bis zwanzig Uhr geöffnet.
Quel temps fera-t-il demain à Lyon ?
Il pleuvra demain dans le sud-est.
El perro corre por la playa detrás de la pelota.
Um cachorro brinca na areia.
La biblioteca chiude alle sei del pomeriggio.
Het museum is op maandag gesloten.
Który autobus jedzie na lotnisko?
Hava alanına nasıl gidebilirim?
Какой автобус идет в аэропорт?
去机场坐哪路公交车?
图书馆晚上十点关门。
空港行きのバスはどこから出ますか?
공항 가는 버스는 어디에서 타나요?
أين أقرب محطة قطار؟
איפה תחנת הרכבת הקרובה?
नज़दीकी रेलवे स्टेशन कहाँ है?
สถานีรถไฟอยู่ที่ไหน
Πού είναι ο σταθμός του τρένου;
Xin chào, bạn khỏe không?
😎🌴 on holiday until Monday
🔥🔥🔥
hello
thanks!
b
9
,
??
tree
New York
$5
98.6
+1 (555) 010-0199
12:45
2027-11-03
https://docs.example.net/guide/install.html
someone@example.net
C# 12 and F# 8
WIN BIG TODAY
hahahahahahahahaha
ha ha ha ha ha ha ha ha ha ha ha ha
yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
floccinaucinihilipilification
½ ¾ ² ³ µ ° ±
[SEP] [CLS] [PAD]
~~~ ``` ~~~
"""


def calibration_texts() -> list[str]:
    """Give the texts to calibrate on: about 170, from none to a few hundred words."""
    return ["", *_with_long_ones(_CALIBRATION.splitlines(), [5, 12, 30])]


def held_out_texts() -> list[str]:
    """Give the texts to judge by: about 90, none of them among those to calibrate on."""
    return _with_long_ones(_HELD_OUT.splitlines(), [6, 14, 32])


def _with_long_ones(lines: list[str], sizes: list[int]) -> list[str]:
    """Add texts of several lines, in steps over the lines, since long texts are mostly prose of one kind."""
    long = [" ".join(lines[start : start + size]) for size in sizes for start in range(0, len(lines) - size, 30)]
    repeated = [" ".join(lines[:1] * count) for count in (4, 40)]
    return [*lines, *long, *repeated]
