# refused: 70 alternatives, a filter holds at most 64
# More alternatives than a filter holds.
package reseller.main

allow if {
	input.resource.name == "n0"
	input.resource.public_name == "p0"
}

allow if {
	input.resource.name == "n1"
	input.resource.public_name == "p1"
}

allow if {
	input.resource.name == "n2"
	input.resource.public_name == "p2"
}

allow if {
	input.resource.name == "n3"
	input.resource.public_name == "p3"
}

allow if {
	input.resource.name == "n4"
	input.resource.public_name == "p4"
}

allow if {
	input.resource.name == "n5"
	input.resource.public_name == "p5"
}

allow if {
	input.resource.name == "n6"
	input.resource.public_name == "p6"
}

allow if {
	input.resource.name == "n7"
	input.resource.public_name == "p7"
}

allow if {
	input.resource.name == "n8"
	input.resource.public_name == "p8"
}

allow if {
	input.resource.name == "n9"
	input.resource.public_name == "p9"
}

allow if {
	input.resource.name == "n10"
	input.resource.public_name == "p10"
}

allow if {
	input.resource.name == "n11"
	input.resource.public_name == "p11"
}

allow if {
	input.resource.name == "n12"
	input.resource.public_name == "p12"
}

allow if {
	input.resource.name == "n13"
	input.resource.public_name == "p13"
}

allow if {
	input.resource.name == "n14"
	input.resource.public_name == "p14"
}

allow if {
	input.resource.name == "n15"
	input.resource.public_name == "p15"
}

allow if {
	input.resource.name == "n16"
	input.resource.public_name == "p16"
}

allow if {
	input.resource.name == "n17"
	input.resource.public_name == "p17"
}

allow if {
	input.resource.name == "n18"
	input.resource.public_name == "p18"
}

allow if {
	input.resource.name == "n19"
	input.resource.public_name == "p19"
}

allow if {
	input.resource.name == "n20"
	input.resource.public_name == "p20"
}

allow if {
	input.resource.name == "n21"
	input.resource.public_name == "p21"
}

allow if {
	input.resource.name == "n22"
	input.resource.public_name == "p22"
}

allow if {
	input.resource.name == "n23"
	input.resource.public_name == "p23"
}

allow if {
	input.resource.name == "n24"
	input.resource.public_name == "p24"
}

allow if {
	input.resource.name == "n25"
	input.resource.public_name == "p25"
}

allow if {
	input.resource.name == "n26"
	input.resource.public_name == "p26"
}

allow if {
	input.resource.name == "n27"
	input.resource.public_name == "p27"
}

allow if {
	input.resource.name == "n28"
	input.resource.public_name == "p28"
}

allow if {
	input.resource.name == "n29"
	input.resource.public_name == "p29"
}

allow if {
	input.resource.name == "n30"
	input.resource.public_name == "p30"
}

allow if {
	input.resource.name == "n31"
	input.resource.public_name == "p31"
}

allow if {
	input.resource.name == "n32"
	input.resource.public_name == "p32"
}

allow if {
	input.resource.name == "n33"
	input.resource.public_name == "p33"
}

allow if {
	input.resource.name == "n34"
	input.resource.public_name == "p34"
}

allow if {
	input.resource.name == "n35"
	input.resource.public_name == "p35"
}

allow if {
	input.resource.name == "n36"
	input.resource.public_name == "p36"
}

allow if {
	input.resource.name == "n37"
	input.resource.public_name == "p37"
}

allow if {
	input.resource.name == "n38"
	input.resource.public_name == "p38"
}

allow if {
	input.resource.name == "n39"
	input.resource.public_name == "p39"
}

allow if {
	input.resource.name == "n40"
	input.resource.public_name == "p40"
}

allow if {
	input.resource.name == "n41"
	input.resource.public_name == "p41"
}

allow if {
	input.resource.name == "n42"
	input.resource.public_name == "p42"
}

allow if {
	input.resource.name == "n43"
	input.resource.public_name == "p43"
}

allow if {
	input.resource.name == "n44"
	input.resource.public_name == "p44"
}

allow if {
	input.resource.name == "n45"
	input.resource.public_name == "p45"
}

allow if {
	input.resource.name == "n46"
	input.resource.public_name == "p46"
}

allow if {
	input.resource.name == "n47"
	input.resource.public_name == "p47"
}

allow if {
	input.resource.name == "n48"
	input.resource.public_name == "p48"
}

allow if {
	input.resource.name == "n49"
	input.resource.public_name == "p49"
}

allow if {
	input.resource.name == "n50"
	input.resource.public_name == "p50"
}

allow if {
	input.resource.name == "n51"
	input.resource.public_name == "p51"
}

allow if {
	input.resource.name == "n52"
	input.resource.public_name == "p52"
}

allow if {
	input.resource.name == "n53"
	input.resource.public_name == "p53"
}

allow if {
	input.resource.name == "n54"
	input.resource.public_name == "p54"
}

allow if {
	input.resource.name == "n55"
	input.resource.public_name == "p55"
}

allow if {
	input.resource.name == "n56"
	input.resource.public_name == "p56"
}

allow if {
	input.resource.name == "n57"
	input.resource.public_name == "p57"
}

allow if {
	input.resource.name == "n58"
	input.resource.public_name == "p58"
}

allow if {
	input.resource.name == "n59"
	input.resource.public_name == "p59"
}

allow if {
	input.resource.name == "n60"
	input.resource.public_name == "p60"
}

allow if {
	input.resource.name == "n61"
	input.resource.public_name == "p61"
}

allow if {
	input.resource.name == "n62"
	input.resource.public_name == "p62"
}

allow if {
	input.resource.name == "n63"
	input.resource.public_name == "p63"
}

allow if {
	input.resource.name == "n64"
	input.resource.public_name == "p64"
}

allow if {
	input.resource.name == "n65"
	input.resource.public_name == "p65"
}

allow if {
	input.resource.name == "n66"
	input.resource.public_name == "p66"
}

allow if {
	input.resource.name == "n67"
	input.resource.public_name == "p67"
}

allow if {
	input.resource.name == "n68"
	input.resource.public_name == "p68"
}

allow if {
	input.resource.name == "n69"
	input.resource.public_name == "p69"
}
